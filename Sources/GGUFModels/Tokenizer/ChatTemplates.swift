import ChatTemplates
import Diagnostics
import Foundation
import GGUF

/// The chat templates of a checkpoint.
struct ChatTemplates {
  private let templates: [StoredTemplates.Template]

  init(folder: URL) throws(InputError) { templates = try StoredTemplates(folder: folder).templates }

  /// What files say of them.
  var keys: [(key: String, value: GGUFValue)] {
    let key = "tokenizer.chat_template"
    let others = templates.filter { $0.name != "default" }
    var keys: [(key: String, value: GGUFValue)] = []
    if !others.isEmpty { keys.append((key + "s", .strings(others.map(\.name)))) }
    keys += others.map { ("\(key).\($0.name)", .string($0.text)) }
    if let first = templates.first(where: { $0.name == "default" }) {
      keys.append((key, .string(first.text)))
    }
    return keys
  }
}
