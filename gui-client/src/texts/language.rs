use serde::{Deserialize, Serialize};

/// The language of the app's texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// The system's language if the app has it, else English.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Portuguese as in Brazil.
    #[serde(rename = "pt-BR")]
    Portuguese,
}
