# Asked for, agreed to, paid; or refused, and the money is cash again.
tenant   acme
deposit  ann 100.00
withdraw W1 ann 60.00                      => requested
withdraw W1 ann 60.00                      => requested    # the same key is the same request
withdraw W1 ann 61.00                      => IdempotencyKeyReused
withdraw W2 ann 40.01                      => InsufficientFunds
withdraw W3 ann 0.00                       => AmountOutOfRange
cash     ann => 40.00
withdrawing ann => 60.00
pay      W1                                => PaymentStep  # nobody agreed yet
approve  W1                                => approved
approve  W1                                => PaymentStep
price    E1.home 2.00
place    B1 ann 40.01 E1.home@2.00         => InsufficientFunds
pay      W1                                => paid
refuse   W1 too late                       => PaymentStep
withdrawing ann => 0.00
withdraw W4 ann 40.00                      => requested
refuse   W4 no                             => Reason
refuse   W4 the card is unknown            => refused
cash     ann => 40.00
adjust   ann -40.01 paid twice             => InsufficientFunds
adjust   ann -0.50 paid twice              => paid
adjust   ann 10.50 goodwill                => paid
cash     ann => 50.00
own      bank => -40.00
own      adjustment => -10.00
total    => 0.00
