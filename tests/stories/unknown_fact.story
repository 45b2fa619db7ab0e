# A fact that is missing keeps the bet open; it is never lost for it.
tenant  acme
deposit ann  100.00
price   E1.home_ht 2.50
price   E1.home 2.00
price   E2.away 3.00
place   HT ann 10.00 E1.home_ht@2.50
place   FT ann 10.00 E1.home@2.00
place   C  ann 10.00 E1.home_ht@2.50 E2.away@3.00
result  E1 2-0 => 1                        # the full-time score alone
settle  => 1
bet     FT => won 20.00
bet     HT => open
result  E2 0-1
settle  => 0
grades  C  => ? won
held    ann => 20.00
result  E1 2-0 ht=1-0 => 1                 # the half-time score follows as a new version
settle  => 2
bet     HT => won 25.00
bet     C  => won 75.00
bet     FT => won 20.00
cash    ann => 190.00
