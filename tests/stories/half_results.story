# Pushes, half results and voids: alone and inside combos, by the one payoff.
tenant  acme
deposit ann  1000.00
price   E1.over2 1.90
price   E1.under2.25 2.00
price   E1.over1.75 1.80
price   E1.home-0.75 2.10
price   E1.away+0.75 1.80
price   E2.home_dnb 1.50
price   E2.home 3.00
price   E3.away+0.25 1.95
price   E3.yes 2.00
place   PUSH  ann 10.00 E1.over2@1.90
place   UNDER ann 10.00 E1.under2.25@2.00
place   OVER  ann 10.00 E1.over1.75@1.80
place   HOME  ann 10.00 E1.home-0.75@2.10
place   AWAY  ann 10.00 E1.away+0.75@1.80
place   DNB   ann 10.00 E2.home_dnb@1.50
place   LOST  ann 10.00 E2.home@3.00
place   C1    ann 10.00 E1.over2@1.90 E3.yes@2.00                  # a push multiplies by one
place   C2    ann 10.00 E1.home-0.75@2.10 E3.yes@2.00              # half won: (1 + 2.10) / 2
place   C3    ann 10.00 E1.away+0.75@1.80 E3.yes@2.00              # lost with its first leg
place   C4    ann 10.00 E1.over2@1.90 E2.home_dnb@1.50             # nothing was at stake
place   C5    ann 10.00 E1.home-0.75@2.10 E3.away+0.25@1.95        # half won times half won
held    ann   => 120.00
result  E1 2-0 => 1
result  E2 0-0 => 1
settle  => 9
result  E3 1-1 => 1
settle  => 3
bet     PUSH  => void 10.00
bet     UNDER => half_won 15.00
bet     OVER  => half_won 14.00
bet     HOME  => won 21.00
bet     AWAY  => lost 0.00
bet     DNB   => void 10.00
bet     LOST  => lost 0.00
bet     C1    => won 20.00
grades  C1    => void won
bet     C2    => won 42.00
bet     C3    => lost 0.00
bet     C4    => void 10.00
grades  C4    => void void
bet     C5    => won 30.97                                         # 21.00 x 1.475 = 30.975
held    ann   => 0.00
cash    ann   => 1052.97
total   => 0.00
