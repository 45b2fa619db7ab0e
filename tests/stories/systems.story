# A system is every line of so many legs; the stake is shared by its lines, and is rounded once.
tenant  acme
deposit ann  200.00
price   E1.home 2.00
price   E2.home 3.00
price   E3.home 4.00
price   E4.home 2.00
place   two    ann 30.00 E1.home@2.00 E2.home@3.00 E3.home@4.00 sizes=2        # three doubles of 10.00
place   patent ann 7.00  E1.home@2.00 E2.home@3.00 E3.home@4.00 sizes=1,2,3    # seven lines of 1.00
place   thirds ann 10.00 E1.home@2.00 E2.home@3.00 E4.home@2.00 sizes=2        # 3.333... a line
place   sure   ann 20.00 E4.home@2.00 E1.home@2.00 E2.home@3.00 sizes=2 bankers=1
place   three  ann 30.00 E1.home@2.00 E2.home@3.00 E3.home@4.00 sizes=4        => InvalidSize
cash    ann => 133.00
returns two    => 260.00                   # 10 * (6 + 8 + 12)
returns patent => 59.00                    # 3 * 4 * 5 - 1
returns thirds => 53.33                    # 10/3 * (6 + 4 + 6)
returns sure   => 100.00                   # 10 * (4 + 6): the banker is in both lines
result  E1 1-0
settle  => 0
bet     two => open                        # nobody knows yet
result  E2 0-1
settle  => 0
bet     two => open                        # a lost leg leaves the double of the other two
result  E4 0-0
settle  => 2
bet     thirds => lost 0.00                # two of three are lost: no double is left
bet     sure   => lost 0.00                # its banker is lost
result  E3 3-1
settle  => 2
bet     two    => won 80.00
bet     patent => won 14.00                # 2 + 4 + 8
cash    ann => 227.00
total   => 0.00
