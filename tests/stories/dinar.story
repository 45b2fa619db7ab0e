# A currency of three decimals settles to the last of them.
tenant  pearl BHD Asia/Bahrain
deposit noor 10.000
price   E1.home 2.375
price   E2.home 1.111
place   B0 noor 0.099  E1.home@2.375       => StakeBelowMin
place   B1 noor 1.001  E1.home@2.375       => open
place   B2 noor 1.0001 E1.home@2.375       => InvalidNumber
place   C1 noor 0.777  E1.home@2.375 E2.home@1.111
returns B1 => 2.377                        # 2.377375
returns C1 => 2.050                        # 2.050211...
result  E1 3-0
result  E2 1-0
settle  => 2
bet     B1 => won 2.377
bet     C1 => won 2.050
cash    noor => 12.649
ggr     pearl => -2.649
total   => 0.000
