# Who retires after a completed set has lost; before it nobody has.
tenant  acme
deposit ann 100.00
sport   T1 tennis
sport   T2 tennis
sport   T3 tennis
sport   T4 tennis
price   T1.home_ml 2.00
price   T2.home_ml 2.00
price   T3.home_ml 2.00
price   T4.home_ml 2.00
place   PLAYED ann 10.00 T1.home_ml@2.00
place   LATE   ann 10.00 T2.home_ml@2.00
place   EARLY  ann 10.00 T3.home_ml@2.00
place   NEVER  ann 10.00 T4.home_ml@2.00
result  T1 finished s1=0-6 s2=7-6 s3=7-6 sets=2-1 final=14-18
result  T2 retired s1=6-4 s2=1-0 sets=1-0 final=7-4
result  T3 retired s1=3-0 sets=0-0 final=3-0 advanced=1-0
result  T4 walkover advanced=1-0
settle  => 3
bet     PLAYED => won 20.00                   # fewer games, more sets
bet     EARLY  => void 10.00
bet     NEVER  => void 10.00
bet     LATE   => open                        # who retired is not told
result  T2 retired s1=6-4 s2=1-0 sets=1-0 final=7-4 advanced=0-1
settle  => 1
bet     LATE   => lost 0.00                   # the leader in sets did
cash    ann    => 100.00
