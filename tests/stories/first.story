# The first story: a slip is one bet, money is what the table says.
tenant  acme
deposit ann  100.00
price   E1.home 2.10
place   B1 ann 10.00  E1.home@2.10   => open
place   B1 ann 10.00  E1.home@2.10   => open      # the same slip twice is one bet
place   B2 ann 95.00  E1.home@2.10   => InsufficientFunds
held    ann                          => 10.00
result  E1 2-0                       => 1
settle                               => 1
settle                               => 0         # settling twice pays once
bet     B1                           => won 21.00
cash    ann                          => 111.00
held    ann                          => 0.00
ggr     acme                         => -11.00
total                                => 0.00      # the ledger sums to zero
