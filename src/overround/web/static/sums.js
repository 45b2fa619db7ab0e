// @ts-check
// Money and prices as whole numbers: minor units, and the price times 10,000. A float never
// touches either, so what the slip promises is what the book computes, to the last unit.

/** @typedef {[bigint, bigint]} Ratio */

export const SCALE = 10000n;

/** The price times 10,000: "2.10" is 21000n. @param {string} text @returns {bigint} */
export function e4(text) {
  const [whole, fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(4, "0").slice(0, 4));
}

/**
 * Minor units of what somebody typed; null where it is no amount of the currency. A comma may
 * stand for the point, never for thousands: "1,000" would be one in one country and 1000 in another.
 * @param {string} text @param {number} decimals @returns {bigint | null}
 */
export function minor(text, decimals) {
  const found = /^(\d{1,13})(?:[.,](\d+))?$/.exec(text.trim());
  if (!found) return null;
  const fraction = found[2] ?? "";
  if (fraction.length > decimals) return null;
  return BigInt(found[1] + fraction.padEnd(decimals, "0"));
}

/** The amount as the API writes it: "10.50". @param {bigint} value @param {number} decimals */
export function plain(value, decimals) {
  const digits = String(value).padStart(decimals + 1, "0");
  if (decimals === 0) return digits;
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The amount as people read it: "1,250.00". @param {bigint} value @param {number} decimals */
export function shown(value, decimals) {
  const [whole, fraction] = plain(value, decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** What a winning bet pays, rounded down. @param {bigint} stake @param {string[]} prices */
export function payout(stake, prices) {
  let product = stake;
  for (const price of prices) product *= e4(price);
  return product / SCALE ** BigInt(prices.length);
}

/** The prices multiplied, to two decimals, rounded down: "4.41". @param {string[]} prices */
export function totalOdds(prices) {
  return plain(payout(100n, prices), 2);
}

/** How many lines a system has over so many selections, without its bankers.
 * @param {number} free @param {number[]} sizes */
export function systemLines(free, sizes) {
  const found = coefficients(Array.from({ length: free }, () => [1n, 1n]));
  return sizes.reduce((sum, size) => sum + (found[size] ?? 0n), 0n);
}

/** What a unit on a price returns, exact: [above, below]. @param {string} price @returns {Ratio} */
export const returned = (price) => [e4(price), SCALE];

/** What a system pays when all its legs win, exact: the whole stake shared by its lines.
 * @param {bigint} stake @param {{returns: Ratio, banker: boolean}[]} parts @param {number[]} sizes @returns {Ratio} */
export function systemReturn(stake, parts, sizes) {
  const free = parts.filter((part) => !part.banker).map((part) => part.returns);
  const lines = systemLines(free.length, sizes);
  if (!lines) return [0n, 1n];
  const sums = coefficients(free);
  const chosen = sizes.reduce((sum, size) => sum + (sums[size] ?? 0n), 0n);
  const fixed = parts.filter((part) => part.banker).reduce((product, part) => product * part.returns[0], 1n);
  return [stake * chosen * fixed, lines * parts.reduce((product, part) => product * part.returns[1], 1n)];
}

/** The coefficients of the product of all (below + above z): how the lines of each size are summed.
 * @param {Ratio[]} ratios */
function coefficients(ratios) {
  let found = [1n];
  for (const [above, below] of ratios) {
    found = [...found, 0n].map((one, k) => one * below + (found[k - 1] ?? 0n) * above);
  }
  return found;
}
