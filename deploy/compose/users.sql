-- The users that API and workers connect as, with the privileges of sql/roles.sql. Running it again sets the passwords anew.
\set api_password `cat /run/secrets/api.password`
\set worker_password `cat /run/secrets/worker.password`
SELECT format('CREATE USER %I', name)
FROM unnest(ARRAY['api', 'worker']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
GRANT assay_api TO api;
GRANT assay_worker TO worker;
ALTER USER api PASSWORD :'api_password';
ALTER USER worker PASSWORD :'worker_password';
