# A lost leg ends a combo at once; what is still to be played does not matter any more.
tenant  acme
deposit ann  100.00
price   E1.home 2.00
price   E2.home 2.00
price   E3.home 2.00
place   C1 ann 10.00 E1.home@2.00 E2.home@2.00 E3.home@2.00
place   C2 ann 10.00 E2.home@2.00 E3.home@2.00
result  E1 0-1
settle  => 1
bet     C1 => lost 0.00
grades  C1 => lost ? ?
bet     C2 => open
held    ann => 10.00
result  E2 1-0
settle  => 0
grades  C1 => lost won ?                   # the grade is kept, the money is not touched
result  E3 1-0
settle  => 1
grades  C1 => lost won won
bet     C1 => lost 0.00
bet     C2 => won 40.00
cash    ann => 120.00
