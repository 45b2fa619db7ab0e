# A wrong payout that lay in a withdrawal when it was taken back is repaid when the withdrawal comes back.
tenant   acme
deposit  ann 350.00
price    E1.home 2.00
price    E2.home 2.00
place    B1 ann 131.00 E1.home@2.00
result   E1 1-0
settle   => 1
withdraw W1 ann 478.00                     => requested
result   E1 0-1                            # 262.00 of 481.00 are taken back, and 3.00 are there
settle   => 1
cash     ann => 0.00
owed     ann => 259.00
withdraw W2 ann 0.01                       => InsufficientFunds
refuse   W1 the result was corrected       => refused
cash     ann => 219.00                     # 350.00 less the stake that was lost
owed     ann => 0.00
own      receivable => 0.00
withdraw W3 ann 478.00                     => InsufficientFunds
withdraw W4 ann 219.00                     => requested
approve  W4                                => approved
result   E1 1-0
settle   => 1
result   E1 0-1                            # nothing is owed: the payout was there to be taken back
settle   => 1
owed     ann => 0.00
pay      W4                                => paid

# Money that is paid out stays a debt. What he pays in is his, and his again when a withdrawal of it is refused.
deposit  bob 100.00
price    E3.home 2.00
place    B2 bob 100.00 E3.home@2.00
result   E3 1-0
settle   => 1
withdraw X1 bob 120.00                     => requested
withdraw X2 bob 80.00                      => requested
result   E3 0-1
settle   => 1
owed     bob => 200.00
approve  X1                                => approved
pay      X1                                => paid
owed     bob => 200.00
deposit  bob 60.00
withdraw X3 bob 60.00                      => requested
refuse   X3 another account                => refused
cash     bob => 60.00
refuse   X2 the result was corrected       => refused
cash     bob => 60.00
owed     bob => 120.00
place    B3 bob 60.00 E2.home@2.00         # his winnings pay the rest
result   E2 1-0
settle   => 1
cash     bob => 0.00
owed     bob => 0.00
own      receivable => 0.00
total    => 0.00
