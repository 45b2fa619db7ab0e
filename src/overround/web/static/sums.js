// @ts-check
// Money and prices as whole numbers: minor units, and the price times 10,000. A float never
// touches either, so what the slip promises is what the book computes, to the last unit.

const SCALE = 10000n;

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
  const found = symmetric(Array.from({ length: free }, () => 1n));
  return sizes.reduce((sum, size) => sum + (found[size] ?? 0n), 0n);
}

/** What a system pays when all its legs win, rounded down: the whole stake shared by its lines.
 * @param {bigint} stake @param {{price: string, banker: boolean}[]} parts @param {number[]} sizes */
export function systemPayout(stake, parts, sizes) {
  const free = parts.filter((part) => !part.banker).map((part) => e4(part.price));
  const bankers = parts.filter((part) => part.banker).map((part) => e4(part.price));
  const lines = systemLines(free.length, sizes);
  if (!lines) return 0n;
  const sums = symmetric(free);
  // Every line brought to the scale of the longest, so that nothing is rounded before the end.
  const scaled = sizes.reduce((sum, size) => sum + (sums[size] ?? 0n) * SCALE ** BigInt(free.length - size), 0n);
  const fixed = bankers.reduce((product, price) => product * price, 1n);
  return (stake * scaled * fixed) / (SCALE ** BigInt(parts.length) * lines);
}

/** The sums of the products of every k of the values, by k. @param {bigint[]} values */
function symmetric(values) {
  const found = [1n];
  for (const value of values) {
    for (let k = found.length; k >= 1; k -= 1) found[k] = (found[k] ?? 0n) + found[k - 1] * value;
  }
  return found;
}
