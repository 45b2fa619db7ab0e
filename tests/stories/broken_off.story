# What was decided when a match was broken off stands; what was open goes back, until it is said
# that the match was played to its end after all: then the difference moves.
tenant  acme
deposit ann 100.00
price   E1.over1.5 2.00
price   E1.over2.5 3.00
price   E1.over1.75 2.00
price   E1.home_ht 2.00
price   E1.home 2.00
place   PASSED  ann 10.00 E1.over1.5@2.00
place   OPEN    ann 10.00 E1.over2.5@3.00
place   HALF    ann 10.00 E1.over1.75@2.00
place   FIRST   ann 10.00 E1.home_ht@2.00
place   MATCH   ann 10.00 E1.home@2.00
result  E1 abandoned ht=1-0 ft=2-0
settle  => 5
bet     PASSED => won 20.00
bet     OPEN   => void 10.00
bet     HALF   => half_won 15.00
bet     FIRST  => won 20.00
bet     MATCH  => void 10.00
cash    ann    => 125.00
result  E1 finished ht=1-0 ft=2-0 => 1
settle  => 2
bet     PASSED => won 20.00
bet     OPEN   => lost 0.00
bet     MATCH  => won 20.00
cash    ann    => 125.00
settle  => 0
