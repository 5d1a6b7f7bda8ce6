-- Bearer tokens: by one of them the API knows who is asking and what he may do.

create table search.tokens (
    id text primary key check (id ~ '^[0-9a-f]{12}$'),
    did text references public.artists (did) on update cascade on delete cascade,
    label text not null default '',
    hash bytea not null check (octet_length(hash) = 32),
    scopes text[] not null
        check (cardinality(scopes) > 0 and array_position(scopes, null) is null and scopes <@ array['read', 'upload', 'admin']),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    constraint tokens_did_check check (did is not null or 'admin' = any (scopes))
);
comment on table search.tokens is 'Bearer tokens of the API. Their secrets are nowhere: a hash of each is.';
comment on column search.tokens.id is 'The public part of the token''s text, by which it is looked up and named.';
comment on column search.tokens.did is 'The artist as whom its holder is recognised; null only for tokens with the scope admin.';
comment on column search.tokens.hash is 'SHA-256 of the secret part. The secret is random, 256 bits: nothing slower is needed.';
comment on column search.tokens.scopes is 'What it was made for. upload includes read, admin includes both.';
comment on column search.tokens.last_used_at is 'Exact to a minute, so that not every request writes; null also where the API only reads.';
create index tokens_did_idx on search.tokens (did);
