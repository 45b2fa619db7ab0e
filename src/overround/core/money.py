"""Money is an `int` of minor units beside an ISO 4217 code; this module only reads and writes it.

Digits pass through `int` and never through `float`: 0.1 has no exact float, and a ledger that
rounds while reading cannot sum to zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from overround.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class Currency:
    """One row of ISO 4217: the code, its three-digit number, and its count of decimals."""

    code: str
    number: str
    decimals: int


# The current list of ISO 4217. Codes without a minor unit (metals, SDR, test and no-currency codes)
# are left out on purpose: nothing can be paid in them.
_CODES_BY_DECIMALS: Final[Mapping[int, str]] = {
    0: """
        BIF 108 CLP 152 DJF 262 GNF 324 ISK 352 JPY 392 KMF 174 KRW 410 PYG 600 RWF 646 UGX 800
        UYI 940 VND 704 VUV 548 XAF 950 XOF 952 XPF 953
    """,
    2: """
        AED 784 AFN 971 ALL 008 AMD 051 AOA 973 ARS 032 AUD 036 AWG 533 AZN 944 BAM 977 BBD 052
        BDT 050 BMD 060 BND 096 BOB 068 BOV 984 BRL 986 BSD 044 BTN 064 BWP 072 BYN 933
        BZD 084 CAD 124 CDF 976 CHE 947 CHF 756 CHW 948 CNY 156 COP 170 COU 970 CRC 188 CUP 192
        CVE 132 CZK 203 DKK 208 DOP 214 DZD 012 EGP 818 ERN 232 ETB 230 EUR 978 FJD 242 FKP 238
        GBP 826 GEL 981 GHS 936 GIP 292 GMD 270 GTQ 320 GYD 328 HKD 344 HNL 340 HTG 332 HUF 348
        IDR 360 ILS 376 INR 356 IRR 364 JMD 388 KES 404 KGS 417 KHR 116 KPW 408 KYD 136 KZT 398
        LAK 418 LBP 422 LKR 144 LRD 430 LSL 426 MAD 504 MDL 498 MGA 969 MKD 807 MMK 104 MNT 496
        MOP 446 MRU 929 MUR 480 MVR 462 MWK 454 MXN 484 MXV 979 MYR 458 MZN 943 NAD 516 NGN 566
        NIO 558 NOK 578 NPR 524 NZD 554 PAB 590 PEN 604 PGK 598 PHP 608 PKR 586 PLN 985 QAR 634
        RON 946 RSD 941 RUB 643 SAR 682 SBD 090 SCR 690 SDG 938 SEK 752 SGD 702 SHP 654 SLE 925
        SOS 706 SRD 968 SSP 728 STN 930 SVC 222 SYP 760 SZL 748 THB 764 TJS 972 TMT 934 TOP 776
        TRY 949 TTD 780 TWD 901 TZS 834 UAH 980 USD 840 USN 997 UYU 858 UZS 860 VED 926 VES 928
        WST 882 XAD 396 XCD 951 XCG 532 YER 886 ZAR 710 ZMW 967 ZWG 924
    """,
    3: "BHD 048 IQD 368 JOD 400 KWD 414 LYD 434 OMR 512 TND 788",
    4: "CLF 990 UYW 927",
}


def _table() -> dict[str, Currency]:
    found: dict[str, Currency] = {}
    for decimals, words in _CODES_BY_DECIMALS.items():
        cells = words.split()
        for code, number in zip(cells[::2], cells[1::2], strict=True):
            found[code] = Currency(code, number, decimals)
    return found


CURRENCIES: Final[Mapping[str, Currency]] = MappingProxyType(_table())

# Thirteen digits before the point and four behind stay below 10**17, so that any parsed amount, and
# the sum of ninety of them, fits a `bigint` (test: the largest amount fits a bigint).
MAX_WHOLE_DIGITS: Final = 13
# Longer text is refused before it is looked at.
MAX_TEXT_LENGTH: Final = 24

# [0-9] and not \d: \d also matches the digits of other scripts, which `int` would accept.
_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]+))?")


def currency(code: str) -> Currency:
    """The ISO 4217 row of `code`. Raises Invalid `unknown_currency`."""
    try:
        return CURRENCIES[code]
    except KeyError:
        raise Invalid("this is not a current ISO 4217 code", code="unknown_currency") from None


def parse(text: str, currency_code: str) -> int:
    """Minor units of a plain, unsigned decimal: `parse("10.5", "EUR") == 1050`.

    Refuses (Invalid `invalid_number`) signs, exponents, spaces, digits of other scripts, more than
    13 digits before the point, and more decimals than the currency has, even where they are zero:
    "10.000" euro is more likely a thousands separator than a precise amount.
    Raises Invalid `unknown_currency` for a code outside the table.
    """
    decimals = currency(currency_code).decimals
    match = _AMOUNT.fullmatch(text) if len(text) <= MAX_TEXT_LENGTH else None
    if match is None:
        raise Invalid("an amount is a plain decimal number", code="invalid_number")
    whole, fraction = match[1], match[2] or ""
    if len(whole) > MAX_WHOLE_DIGITS:
        said = f"an amount has at most {MAX_WHOLE_DIGITS} digits before the point"
        raise Invalid(said, code="invalid_number")
    if len(fraction) > decimals:
        raise Invalid(f"{currency_code} has {decimals} decimals", code="invalid_number")
    return int(whole + fraction.ljust(decimals, "0"))


def to_text(minor: int, currency_code: str) -> str:
    """The amount as its currency writes it: "10.50" for EUR, "1050" for JPY, "-0.05" below zero.

    Raises Invalid `unknown_currency`.
    """
    decimals = currency(currency_code).decimals
    sign = "-" if minor < 0 else ""
    digits = str(abs(minor)).rjust(decimals + 1, "0")
    if decimals == 0:
        return sign + digits
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
