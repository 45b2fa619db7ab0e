# A revenue day is the tenant's own: 23:30 in Vienna is the next morning in Tokyo.
tenant  acme EUR Europe/Vienna fee_bps=1000
deposit ann 100.00
tenant  sakura JPY Asia/Tokyo fee_bps=500
deposit aki 10000
event   E1 2026-03-02T20:00:00+00:00
event   E2 2026-03-02T20:00:00+00:00
event   E3 2026-03-02T20:00:00+00:00
tenant  acme
price   E1.home 2.00
price   E2.home 2.00
price   E3.home 2.00
place   A1 ann 10.00 E1.home@2.00
place   A2 ann 5.55  E2.home@2.00
place   A3 ann 20.00 E3.home@2.00
tenant  sakura
price   E1.home 2.00
price   E2.home 2.00
place   S1 aki 1000 E1.home@2.00
place   S2 aki 999  E2.home@2.00
at      2026-03-02T22:30:00+00:00          # 23:30 in Vienna, 07:30 of the third in Tokyo
result  E1 0-1
settle  => 2
at      2026-03-02T23:30:00+00:00          # 00:30 of the third in Vienna
result  E2 0-1
settle  => 2
tenant  acme
close   => 3                               # two days written, the finished one posted
close   => 0
revenue 2026-03-02 => 10.00 0.00 10.00 1.00
revenue 2026-03-03 => 5.55 0.00 5.55 0.55  # the fee is rounded down
own     fee     => 1.00
own     revenue => 9.00
own     house   => 5.55
tenant  sakura
close   => 1
revenue 2026-03-02 => nothing
revenue 2026-03-03 => 1999 0 1999 99
at      2026-03-03T15:00:00+00:00          # midnight in Tokyo, 16:00 in Vienna
close   => 1
own     fee     => 99
own     revenue => 1900
own     house   => 0
tenant  acme
result  E3 1-0
settle  => 1
close   => 1
revenue 2026-03-03 => 25.55 40.00 -14.45 0.00      # a day that loses owes no fee
at      2026-03-03T23:00:00+00:00
close   => 1
own     fee     => 1.00
own     revenue => -5.45
own     house   => 0.00
ggr     acme    => -4.45
total   => 0.00
