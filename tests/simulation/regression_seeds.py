"""Seeds that failed once, each with what it found. They run before all others, for ever."""

SEEDS = {
    61: "a COMMIT that failed left its transaction open on the connection, and nobody was woken",
    66: "the same, with an earlier incident of the service",
    159: "the same, answered to a repeat of the request",
    398: "a clock set back makes moments say nothing about the order of incidents (a checker's fault)",
    2073: "a request that a hung connection delivered late was sent on, long after an acknowledgement",
    2075: "the same",
    2200: "the same",
    2443: "the same, at the second level",
    864: "two clocks that are wrong delay a page by the sum of both (the nemesis told only one)",
    4423: "what left while the pager's clock was wrong holds up the next message by that clock (a checker's fault)",
    9058: "a level whose commit nobody heard of had claimed its pages, and nobody looked when that lease ended",
    9642: "the same, of pages whose end was not recorded",
    10747: "the same",
    99: "a page that a delivery had claimed before a reassignment went out after it, when the lease had ended",
    203: "the same after a reopening, beside the pages of the level that came then",
}
