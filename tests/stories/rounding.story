# Rounded down, unless the tenant says half-even; and once, at the end, never leg by leg.
tenant  floor EUR Europe/Vienna
deposit ann 100.00
price   E1.home 1.505
price   E2.home 1.515
price   E3.home 1.333
place   B1 ann 1.00 E1.home@1.505          => open
place   B2 ann 1.00 E2.home@1.515          => open
place   C1 ann 1.00 E1.home@1.505 E2.home@1.515 E3.home@1.333
tenant  even EUR Europe/Vienna payout_rounding=half_even
deposit ann 100.00
price   E1.home 1.505
price   E2.home 1.515
price   E3.home 1.333
place   D1 ann 1.00 E1.home@1.505          => open
place   D2 ann 1.00 E2.home@1.515          => open
place   D3 ann 1.00 E1.home@1.505 E2.home@1.515 E3.home@1.333
result  E1 1-0
result  E2 1-0
result  E3 1-0
settle  => 6
tenant  floor
bet     B1 => won 1.50
bet     B2 => won 1.51
bet     C1 => won 3.03                     # 3.0393...
tenant  even
bet     D1 => won 1.50                     # 1.505 lies between 1.50 and 1.51: the even one
bet     D2 => won 1.52
bet     D3 => won 3.04
total   => 0.00
