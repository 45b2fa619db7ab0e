# What was paid by a wrong result and is gone is lent to the player, and his winnings pay it first.
tenant   acme
deposit  ann 100.00
price    E1.home 2.00
price    E2.home 3.00
price    E3.home 2.00
place    B1 ann 100.00 E1.home@2.00
result   E1 1-0
settle   => 1
cash     ann => 200.00
withdraw W1 ann 150.00                     => requested
result   E1 0-1                            # he has 50 left of the 200 that he gives back
settle   => 1
bet      B1 => lost 0.00
cash     ann => 0.00
own      receivable => -150.00
own      house => 100.00
deposit  ann 60.00                         # what he pays in is his
place    B2 ann 30.00 E2.home@3.00
place    B3 ann 30.00 E3.home@2.00
result   E2 1-0
settle   => 1
cash     ann => 0.00                       # 90.00 won, all of it owed
own      receivable => -60.00
result   E3 1-0
settle   => 1
cash     ann => 0.00
own      receivable => 0.00
result   E3 0-0                            # and back again
settle   => 1
own      receivable => -60.00
result   E1 1-0                            # the first word was right: 200.00, of which 60.00 are owed
settle   => 1
cash     ann => 140.00
own      receivable => 0.00
total    => 0.00
