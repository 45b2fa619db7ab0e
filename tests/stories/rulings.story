# What the house rules goes before what happened, and what is lifted was never ruled.
tenant   acme
deposit  ann 100.00
price    E1.home 2.00
price    E1.over2.5 2.00
price    E2.home 2.00
place    B1 ann 10.00 E1.home@2.00
place    B2 ann 10.00 E1.over2.5@2.00
place    C1 ann 10.00 E1.home@2.00 E2.home@2.00
result   E1 1-0
result   E2 1-0
settle   => 3
bet      B1 => won 20.00
bet      B2 => lost 0.00
bet      C1 => won 40.00
cash     ann => 130.00
hold     R1 E1 a protest => effective
settle   => 3
bet      B1 => open
bet      B2 => open
bet      C1 => open
cash     ann => 70.00
held     ann => 30.00
void     R2 E1.over2.5 the wrong line => effective
settle   => 0                              # a hold goes before a void
lift     R1 => lifted
settle   => 3
bet      B1 => won 20.00
bet      B2 => void 10.00
bet      C1 => won 40.00
cash     ann => 140.00
lift     R2 => lifted
settle   => 1
bet      B2 => lost 0.00
cash     ann => 130.00
void     R3 E1 played behind closed doors => effective
settle   => 3
bet      C1 => won 20.00
cash     ann => 110.00
lift     R3 => lifted
settle   => 3
cash     ann => 130.00
own      house => -30.00
total    => 0.00
