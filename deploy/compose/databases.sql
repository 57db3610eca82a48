-- Each room owns its database.
CREATE DATABASE pager;
CREATE DATABASE policy;
CREATE DATABASE notifier;
