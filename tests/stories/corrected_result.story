# A corrected result is a new version. What was settled by an older one is settled anew and the
# difference moves; what is open is settled by the newest one, whichever graded its legs before.
tenant  acme
deposit ann  100.00
price   E1.home 2.00
price   E2.home 2.00
price   E3.home 2.00
place   B1 ann 10.00 E1.home@2.00
place   C1 ann 10.00 E1.home@2.00 E2.home@2.00
place   C2 ann 10.00 E3.home@2.00 E2.home@2.00
result  E1 1-0 => 1
result  E1 1-0 => 0                        # said again, nothing is new
result  E3 1-0 => 1
settle  => 1
bet     B1 => won 20.00
grades  C1 => won ?
grades  C2 => won ?
result  E1 0-1 => 1
settle  => 2
bet     B1 => lost 0.00
bet     C1 => lost 0.00
grades  C1 => lost ?
result  E3 postponed => 1                  # it says less than the first version did
settle  => 0
grades  C2 => ? ?
result  E2 2-0
settle  => 0
grades  C2 => ? won
grades  C1 => lost won
result  E3 3-0 => 1
settle  => 1
bet     C2 => won 40.00
cash    ann => 110.00
