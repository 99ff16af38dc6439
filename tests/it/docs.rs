//! The README says of the tables what the contract says.

use std::fs;
use std::path::Path;
use sysds::columns::contract;

#[test]
fn the_readme_has_every_column_of_the_contract_word_by_word() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let mut checked = 0;
    for contract in [contract::events(), contract::requests(), contract::losses()] {
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
