# One event, two operators: each lays its own price, keeps its own players, pays its own bets.
tenant  acme EUR Europe/Vienna
deposit ann 100.00
price   E1.home 2.00
place   B1 ann 10.00 E1.home@2.00
tenant  sakura JPY Asia/Tokyo
deposit ann 10000
price   E1.home 1.80
place   B1 ann 1000 E1.home@2.00 => PriceChanged
place   B2 ann 1000 E1.home@1.80
suspend E1.home 1.80
place   B3 ann 1000 E1.home@1.80 => MarketSuspended
tenant  acme
place   B4 ann 10.00 E1.home@2.00 => open
result  E1 1-0
settle  => 3
cash    ann => 120.00
ggr     acme => -20.00
total   => 0.00
tenant  sakura
cash    ann => 10800
ggr     sakura => -800
total   => 0
