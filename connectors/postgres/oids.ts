/** Type oids that are fixed in every Postgres (src/include/catalog/pg_type.dat). */
export const INT8_OID = 20;
export const TEXT_OID = 25;
export const FLOAT8_OID = 701;
