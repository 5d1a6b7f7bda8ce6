-- Tokens: one in use, one revoked, one of an operator.

insert into search.tokens (id, did, label, hash, scopes, created_at, revoked_at) values
    ('0123456789ab', 'did:plc:anna', 'phone', sha256('first'), '{upload}', '2024-09-01', null),
    ('0123456789ac', 'did:plc:bert', 'lost', sha256('second'), '{read}', '2024-09-02', '2024-09-03'),
    ('0123456789ad', null, 'operator', sha256('third'), '{admin}', '2024-09-04', null);
