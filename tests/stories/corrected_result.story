# A corrected result is a new version. What was settled stays: paying back is another story.
tenant  acme
deposit ann  100.00
price   E1.home 2.00
price   E2.home 2.00
place   B1 ann 10.00 E1.home@2.00
place   C1 ann 10.00 E1.home@2.00 E2.home@2.00
result  E1 1-0 => 1
result  E1 1-0 => 0                        # said again, nothing is new
settle  => 1
result  E1 0-1 => 1
settle  => 0
bet     B1 => won 20.00
grades  C1 => won ?
result  E2 2-0
settle  => 1
bet     C1 => won 40.00
cash    ann => 140.00
