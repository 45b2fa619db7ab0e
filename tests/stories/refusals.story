# Everything that the book says no to, each by its name; a refusal is an answer and moves nothing.
tenant  acme EUR Europe/Vienna stake_min_minor=100 payout_max_minor=50000
deposit ann 1000.00
deposit bob 1.00
event   E9 2026-03-02T18:00:00+00:00
price   E1.home 2.00
price   E1.over2.5 1.90
price   E2.home 10.00
price   E9.home 2.00
place   R1 ann 0.99   E1.home@2.00             => StakeBelowMin
place   R2 ann 250.01 E1.home@2.00             => PayoutAboveMax
place   R3 ann 250.00 E1.home@2.00             => open
place   R4 ann 25.01  E1.home@2.00 E2.home@10.00 => PayoutAboveMax
place   R5 ann 10.00  E1.home@2.00 E1.over2.5@1.90 => LegsConflict
place   R6 ann 10.00  E1.home@2.00 E1.home@2.00 => LegsConflict
place   R7 bob 1.01   E1.home@2.00             => InsufficientFunds
place   R8 bob 1.00   E1.home@2.00             => open
place   R9 ann 10.00  E3.home@2.00             => UnknownSelection     # nobody lays it
suspend E2.home 10.00
place   S1 ann 10.00  E2.home@10.00            => MarketSuspended
place   S2 ann 10.00  E1.home@2.00 E2.home@10.00 => MarketSuspended
shut    E2.home 10.00
place   S3 ann 10.00  E2.home@10.00            => MarketClosed
place   T0 ann 10.00                           => TooFewLegs
place   T1 ann 0.00   E1.home@2.00             => StakeOutOfRange
place   T2 ann 10.00  E1.home@2.00 tolerance=1001 => ToleranceOutOfRange
at      2026-03-02T17:59:59.999+00:00
place   L1 ann 10.00  E9.home@2.00             => open
at      2026-03-02T18:00:00+00:00
place   L2 ann 10.00  E9.home@2.00             => EventStarted
disable bob
deposit bob 5.00
place   D1 bob 1.00   E1.home@2.00             => AccountBlocked
status  suspended
place   D2 ann 10.00  E1.home@2.00             => TenantSuspended
status  active
place   D2 ann 10.00  E1.home@2.00             => TenantSuspended     # the stored answer
place   D3 ann 10.00  E1.home@2.00             => open
held    ann => 270.00
cash    ann => 730.00
