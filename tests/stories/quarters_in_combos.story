# A home handicap of three quarters and a win by one: half stands, half is won or lost.
tenant  acme
deposit ann  100.00
price   E1.home-0.75 2.10
price   E1.away+0.75 1.80
price   E2.home 2.00
price   E3.home-1 1.95
place   S1 ann 10.00 E1.home-0.75@2.10
place   S2 ann 10.00 E1.away+0.75@1.80
place   C1 ann 10.00 E1.home-0.75@2.10 E2.home@2.00
place   C2 ann 10.00 E1.away+0.75@1.80 E2.home@2.00
place   C3 ann 10.00 E1.away+0.75@1.80 E2.home@2.00 E3.home-1@1.95
result  E1 2-1
result  E2 3-0
result  E3 1-0
settle  => 5
bet     S1 => half_won 15.50
bet     S2 => half_lost 5.00
bet     C1 => won 31.00
bet     C2 => won 10.00                   # half of the stake times two
bet     C3 => won 10.00                   # the push in the third leg changes nothing
cash    ann => 121.50
