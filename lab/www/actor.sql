-- The table that the page reads: 65,535 random actors (MariaDB's sequence engine makes the rows), and who may read it.
CREATE DATABASE IF NOT EXISTS sakila;
CREATE OR REPLACE TABLE sakila.actor (
  actor_id SMALLINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  first_name VARCHAR(45) NOT NULL,
  last_name VARCHAR(45) NOT NULL,
  last_update TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  KEY idx_actor_last_name (last_name)
);
INSERT INTO sakila.actor (actor_id, first_name, last_name)
  SELECT seq, CONCAT('F', MD5(RAND(seq))), CONCAT('L', MD5(RAND(seq + 65535))) FROM sakila.seq_1_to_65535;
CREATE USER IF NOT EXISTS 'web'@'localhost' IDENTIFIED BY 'web';
GRANT SELECT ON sakila.* TO 'web'@'localhost';
