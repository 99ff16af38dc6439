//! Parts of a policy that serde reads by themselves: what would keep everything, or find nothing, is refused.

use super::addresses::Network;
use crate::columns::schema::holds::Holds;
use regex::Regex;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Texts that say something.
pub(super) fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    match texts.iter().find(|text| text.trim().is_empty()) {
        None => Ok(texts),
        Some(_) => Err(serde::de::Error::custom(
            "an empty text would be found everywhere; take it out, or write what was meant",
        )),
    }
}

/// Networks that are not all there is.
pub(super) fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Network>, D::Error> {
    let networks: Vec<Network> = parsed(from)?;
    match networks.iter().any(Network::is_everything) {
        false => Ok(networks),
        true => Err(serde::de::Error::custom(
            "a network of 0 bits would keep every address; name the networks that tell nothing",
        )),
    }
}

pub(super) fn classified<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, Holds>, D::Error> {
    let all = BTreeMap::<String, Holds>::deserialize(from)?;
    let structural = [Holds::Members, Holds::Argument, Holds::Time];
    match all.iter().find(|(_, holds)| structural.contains(holds)) {
        None => Ok(all),
        Some((name, _)) => Err(serde::de::Error::custom(format!(
            "{name}: this is no word for an argument; moments are time-s or time-ns"
        ))),
    }
}

pub(super) fn parsed<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let parsed = texts.iter().map(|text| text.parse());
    parsed
        .collect::<Result<Vec<T>, String>>()
        .map_err(serde::de::Error::custom)
}

pub(super) fn regex<'de, D: Deserializer<'de>>(from: D) -> Result<Regex, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Err(serde::de::Error::custom(
            "an empty pattern is found everywhere; take it out, or write what was meant",
        ));
    }
    Regex::new(&text).map_err(serde::de::Error::custom)
}
