# A currency without decimals settles exactly, rounded down once per bet.
tenant  sakura JPY Asia/Tokyo
deposit aki  10000
price   E1.home 1.53
price   E2.over2.5 1.87
place   B0 aki 9   E1.home@1.53            => StakeBelowMin
place   B1 aki 101 E1.home@1.53            => open
place   B2 aki 0.5 E1.home@1.53            => InvalidNumber
place   C1 aki 333 E1.home@1.53 E2.over2.5@1.87
returns B1 => 154                          # 154.53
returns C1 => 952                          # 952.7463
cash    aki => 9566
result  E1 1-0
result  E2 2-1
settle  => 2
bet     B1 => won 154
bet     C1 => won 952
cash    aki => 10672
ggr     sakura => -672
total   => 0
