<?php
// A random actor of the 65,535 in sakila.actor: one connection to the database and one query for each request.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$db = new mysqli('localhost', 'web', 'web', 'sakila');
$query = $db->prepare('SELECT actor_id, first_name, last_name FROM actor WHERE actor_id = ?');
$query->execute([random_int(1, 65535)]);
$actor = $query->get_result()->fetch_assoc();
header('Content-Type: text/plain');
printf("%d %s %s\n", $actor['actor_id'], $actor['first_name'], $actor['last_name']);
