# A price that moved between the screen and the book: none, higher or any change is taken.
tenant  acme
deposit ann 1000.00
price   E1.home 2.00
place   N1 ann 10.00 E1.home@2.00 policy=none                  => open
place   N2 ann 10.00 E1.home@1.99 policy=none                  => PriceChanged
place   N3 ann 10.00 E1.home@2.01 policy=none                  => PriceChanged
place   H1 ann 10.00 E1.home@1.90 policy=higher                => open
taken   H1 => 2.00                                             # the price now, not the one seen
place   H2 ann 10.00 E1.home@2.01 policy=higher                => PriceChanged
place   H3 ann 10.00 E1.home@2.02 policy=higher tolerance=100  => open
place   H4 ann 10.00 E1.home@2.02 policy=higher tolerance=99   => PriceChanged
place   A1 ann 10.00 E1.home@3.00 policy=any                   => open
taken   A1 => 2.00
price   E2.home 3.00
place   C1 ann 10.00 E1.home@2.00 E2.home@3.01                 => PriceChanged
place   C2 ann 10.00 E1.home@1.50 E2.home@2.50                 => open
taken   C2 => 2.00 3.00
price   E2.home 3.20
place   C2 ann 10.00 E1.home@1.50 E2.home@2.50                 => open     # answered before
taken   C2 => 2.00 3.00
place   C2 ann 10.00 E1.home@1.50 E2.home@3.20                 => KeyReused
place   N2 ann 10.00 E1.home@1.99 policy=none                  => PriceChanged
held    ann => 50.00
