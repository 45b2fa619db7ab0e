-- part: odds.matching
-- Their event is our event: decided once, kept for ever; what is not certain waits for a person, and what
-- a person says is remembered both ways: this is that event, and this is not.

-- Who may enter events and teams: `authority` also where a team looks like one that is there,
-- `contributor` only where nothing does, `follower` never. Who is not here is a contributor.
CREATE TABLE provider_standing (
    provider text PRIMARY KEY CHECK (length(provider) BETWEEN 1 AND 60),
    standing text NOT NULL CHECK (standing IN ('authority', 'contributor', 'follower'))
);
INSERT INTO provider_standing (provider, standing) VALUES
    ('football_data', 'authority'), ('goalserve', 'authority'), ('simulator', 'authority');

-- `described` is what the provider called it, for the day a person doubts it; `starts_at` the start that it
-- has named last, `in_play_at` when it was first seen to quote it in play.
CREATE TABLE feed_event (
    provider          text        NOT NULL CHECK (length(provider) BETWEEN 1 AND 60),
    provider_event_id text        NOT NULL CHECK (length(provider_event_id) BETWEEN 1 AND 600),
    event_id          uuid        NOT NULL REFERENCES event (id),
    swapped           boolean     NOT NULL DEFAULT false,
    confidence_bps    integer     NOT NULL CHECK (confidence_bps BETWEEN 0 AND 10000),
    reason            text        NOT NULL,
    described         jsonb       NOT NULL CHECK (length(described::text) <= 4000),
    starts_at         timestamptz NOT NULL,
    in_play_at        timestamptz,
    matched_at        timestamptz NOT NULL,
    PRIMARY KEY (provider, provider_event_id),
    -- One provider names one match once (test: a double-header is two events).
    CONSTRAINT feed_event_once UNIQUE (provider, event_id)
);
CREATE INDEX feed_event_by_event ON feed_event (event_id);

-- What each match says about a spelling; so many that agree make an alias, and a match that is
-- taken back takes its word with it. A new event whose team was taken for one of ours by its name
-- is no evidence, but says what its provider calls that team.
CREATE TABLE alias_vote (
    provider          text    NOT NULL,
    provider_event_id text    NOT NULL,
    side              text    NOT NULL CHECK (side IN ('home', 'away')),
    sport             text    NOT NULL,
    country           text    NOT NULL,
    category          text    NOT NULL,
    spelling          text    NOT NULL CHECK (length(spelling) BETWEEN 1 AND 200),
    participant_id    uuid    NOT NULL REFERENCES participant (id),
    told_by           text    NOT NULL CHECK (told_by IN ('entry', 'match', 'person')),
    PRIMARY KEY (provider, provider_event_id, side)
);
CREATE INDEX alias_vote_by_spelling ON alias_vote (sport, country, category, spelling);

GRANT SELECT ON feed_event TO overround_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON feed_event, alias_vote TO overround_worker;
GRANT SELECT, INSERT, UPDATE ON provider_standing TO overround_worker;
