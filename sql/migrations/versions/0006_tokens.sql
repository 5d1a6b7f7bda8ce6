-- Who may do what over HTTP.

create table search.tokens (
    id text primary key check (id ~ '^[0-9a-f]{16}$'),
    hash bytea not null check (length(hash) = 32),
    did text references public.artists (did) on update cascade on delete cascade,
    label text not null default '',
    scopes text[] not null check (scopes <@ array['read', 'upload', 'admin'] and cardinality(scopes) > 0),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    used_at timestamptz,
    constraint tokens_owner_check check (did is not null or scopes @> array['admin'])
);
comment on table search.tokens is
    'Bearer tokens. Of a token only its id and a hash of its secret are here; deleting an artist deletes the artist''s.';
comment on column search.tokens.id is 'The middle part of the token''s text: public, and what lists and logs may show.';
comment on column search.tokens.hash is 'SHA-256 of the secret, which is random and too long to be guessed: a slow hash would guard nothing more.';
comment on column search.tokens.did is 'The artist for whom the token speaks; null for an administrator who is none.';
comment on column search.tokens.scopes is 'read: be recognised as a viewer; upload: change one''s own tracks as well; admin: those of everybody.';
comment on column search.tokens.used_at is 'About when it was last used: written once an hour at most.';
create index tokens_did_idx on search.tokens (did);
