# Cancelled and abandoned give stakes back; postponed waits; what was played counts.
tenant  acme
deposit ann 100.00
price   E1.home 2.00
price   E2.home 2.00
price   E3.home 2.00
price   E4.home 2.00
place   OFF  ann 10.00 E1.home@2.00
place   STOP ann 10.00 E2.home@2.00
place   LATE ann 10.00 E3.home@2.00
place   C1   ann 10.00 E1.home@2.00 E4.home@2.00
place   C2   ann 10.00 E1.home@2.00 E2.home@2.00
place   C3   ann 10.00 E3.home@2.00 E4.home@2.00
result  E1 cancelled
result  E2 abandoned
result  E3 postponed
settle  => 3
bet     OFF  => void 10.00
bet     STOP => void 10.00
bet     C2   => void 10.00
bet     LATE => open
place   B9   ann 10.00 E3.home@2.00 => EventStarted   # it may be played yet, but is not laid
result  E4 1-0
settle  => 1
bet     C1   => won 20.00
grades  C3   => ? won
result  E3 2-0 => 1
settle  => 2
bet     LATE => won 20.00
bet     C3   => won 40.00
cash    ann  => 150.00
ggr     acme => -50.00                                # voided stakes are in no figure
