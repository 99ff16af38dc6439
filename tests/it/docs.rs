//! The README says of the tables what the contract says.

use std::fs;
use std::path::Path;
use sysds::columns::schema::contract;

#[test]
fn the_readme_has_every_column_of_the_contract_word_by_word() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let mut checked = 0;
    let recordings = include_str!("../../schemas/recordings.json");
    let recordings: contract::Contract = serde_json::from_str(recordings).unwrap();
    for contract in contract::all().into_iter().chain([recordings]) {
        for column in contract
            .columns
            .iter()
            .flat_map(|c| std::iter::once(c).chain(&c.items))
        {
            let null = if column.nullable { ", null" } else { "" };
            let row = format!(
                "| `{}` | {}{null} | {} |",
                column.name, column.type_name, column.description
            );
            assert!(readme.contains(&row), "README.md lacks the row\n{row}");
            checked += 1;
        }
    }
    assert!(checked > 40);
}

#[test]
fn the_readme_names_the_arguments_behind_fd_and_path() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap().replace('\n', " ");
    let events = contract::events();
    for names in [events.fd_arguments, events.path_arguments] {
        let listed: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
        assert!(
            readme.contains(&listed.join(", ")),
            "README.md does not list {names:?}"
        );
    }
}
