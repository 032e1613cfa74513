package import Diagnostics

/// What modules of a model are called in files, and in what loads them.
package struct ModuleNames: Hashable, Sendable {
  /// What names of the modules that read text begin with in files; empty for nothing.
  var tower: String
  /// The same as transformers has it.
  var loadedTower: String
  /// The head in files.
  var head: String
  /// Whether the model has modules for other things than text.
  var isWrapped: Bool

  /// What a module is called in a model that is loaded.
  private func loadedName(of module: String) -> String {
    let loadedHead = head.split(separator: ".").last.map(String.init) ?? head
    if module == head || module == loadedHead { return loadedHead }
    if let rest = module.below(tower) { return "\(loadedTower).\(rest)" }
    return isWrapped && module.below("model") == nil ? "model.\(module)" : module
  }

  /// Parts of names that transformers 5 changes whatever the model is wrapped in (its `conversion_mapping.py`): towers of
  /// CLIP and SigLIP, which transformers 4 loads under the name before, and Kimi Linear.
  private static let renamedParts = [
    (".vision_tower.vision_model.", ".vision_tower."),
    (".block_sparse_moe.shared_experts.", ".mlp.shared_experts."),
    (".self_attn.f_a_proj", ".self_attn.forget_gate.f_a_proj"),
    (".self_attn.f_b_proj", ".self_attn.forget_gate.f_b_proj"),
  ]

  /// What transformers calls a module where that is not its name in files, that of transformers 5 last.
  ///
  /// - Parameter names: Those of the model; nil where they are the usual ones.
  package static func loadedNames(of module: String, in names: ModuleNames?) -> [String] {
    let first = names?.loadedName(of: module) ?? module
    var last = Self.renamedParts.reduce(first) { $0.replacing($1.0, with: $1.1) }
    // Nemotron H has the names of another program in its files.
    if let rest = last.below("backbone") { last = "model.\(rest)" }
    return [first, last].filter { $0 != module }.reduce(into: []) {
      if !$0.contains($1) { $0.append($1) }
    }
  }
}

extension String {
  /// What follows a name that begins like this one, without the dot; nil where it begins otherwise.
  fileprivate func below(_ beginning: String) -> Substring? {
    if beginning.isEmpty { return self[...] }
    return hasPrefix(beginning + ".") ? dropFirst(beginning.count + 1) : nil
  }
}

extension ModelDescription {
  /// The same model with the names that its modules have in a checkpoint: files may leave out what all names of a family
  /// begin with, and the part of a wrapped model that reads text has one of several beginnings.
  ///
  /// - Parameters:
  ///   - tensors: The names of the checkpoint's tensors; none: the names that transformers gives.
  ///   - isWrapped: Whether the model has modules for other things than text.
  /// - Throws: `missing` for a wrapped model without a part that reads text, `malformed` for one with several.
  package func named(in tensors: [String], isWrapped: Bool) throws(InputError) -> ModelDescription {
    // `model.embed_tokens` is what is called `embed_tokens` in the module `model`.
    guard let dot = front.name.firstIndex(of: ".") else { return self }
    let root = String(front.name[..<dot])
    let table = "\(front.name[front.name.index(after: dot)...]).weight"
    let tower: String
    if isWrapped {
      tower = try Self.tower(of: table, in: tensors)
    } else {
      guard !tensors.contains("\(front.name).weight"), tensors.contains(table) else { return self }
      tower = ""
    }
    let head = Self.head(end.head.name, beside: tower, in: tensors)
    let own = end.head.name
    let names = ModuleNames(
      tower: tower, loadedTower: isWrapped ? "\(root).language_model" : root, head: head,
      isWrapped: isWrapped)
    return renamed(names) { name in
      if let rest = name.below(own) { return "\(head).\(rest)" }
      if name == own { return head }
      guard let rest = name.below(root) else { return name }
      return tower.isEmpty ? String(rest) : "\(tower).\(rest)"
    }
  }

  /// Parts of models that do other things than read text, or read it ahead.
  private static let otherParts = ["vision", "visual", "audio", "image", "mtp", "layers"]

  /// What stands before the name of the one table of tokens.
  private static func tower(of table: String, in tensors: [String]) throws(InputError) -> String {
    guard !tensors.isEmpty else { return "model.language_model" }
    let end = ".\(table)"
    let found = tensors.filter { name in
      guard name == table || name.hasSuffix(end) else { return false }
      return !name.split(separator: ".").contains { part in
        otherParts.contains { part.contains($0) }
      }
    }.sorted()
    guard let first = found.first else {
      throw InputError(
        .missing, place: "tensor \(quoted(table))",
        "is not there under any beginning of its name; expected the part of the model that reads text"
      )
    }
    guard found.count == 1 else {
      throw InputError(
        .malformed, place: "tensor \(quoted(first))",
        "is not the only one of its kind, \(quoted(found[1])) is another; expected one part of the model that reads text"
      )
    }
    return String(first.dropLast(table.count).dropLast())
  }

  /// The head's name where its tensors are: beside the part that reads text, outside of all, or in it.
  private static func head(_ name: String, beside tower: String, in tensors: [String]) -> String {
    let parent = tower.split(separator: ".").dropLast().joined(separator: ".")
    let candidates = [parent, "", tower].map { $0.isEmpty ? name : "\($0).\(name)" }
    return candidates.first { candidate in
      let beginning = candidate + "."
      return tensors.contains { $0.hasPrefix(beginning) }
    } ?? name
  }

  private func renamed(
    _ names: ModuleNames, by rename: (String) -> String
  ) -> ModelDescription {
    var model = self
    model.front = front.renamed(by: rename)
    model.end = end.renamed(by: rename)
    for index in blocks.indices { model.blocks[index].name = rename(blocks[index].name) }
    model.names = names
    return model
  }
}

extension StoredMatrix {
  fileprivate func renamed(by rename: (String) -> String) -> StoredMatrix {
    var stored = self
    stored.tensor = rename(tensor)
    return stored
  }
}

extension NormSlot {
  fileprivate func renamed(by rename: (String) -> String) -> NormSlot {
    var norm = self
    norm.name = rename(name)
    norm.weights = weights.map { $0.renamed(by: rename) }
    norm.bias = bias?.renamed(by: rename)
    return norm
  }
}

extension ModelFront {
  fileprivate func renamed(by rename: (String) -> String) -> ModelFront {
    var front = self
    front.name = rename(name)
    if let positions { front.positions?.table = positions.table.renamed(by: rename) }
    front.norm = norm?.renamed(by: rename)
    front.blockInputs = blockInputs?.renamed(by: rename)
    return front
  }
}

extension LayerSlot {
  fileprivate func renamed(by rename: (String) -> String) -> LayerSlot {
    var slot = self
    slot.name = rename(name)
    slot.weight = weight.renamed(by: rename)
    slot.bias = bias?.renamed(by: rename)
    return slot
  }
}

extension BlockInputs {
  fileprivate func renamed(by rename: (String) -> String) -> BlockInputs {
    var inputs = self
    inputs.norm = norm.renamed(by: rename)
    inputs.projection = projection.renamed(by: rename)
    inputs.table = table.renamed(by: rename)
    return inputs
  }
}

extension ModelEnd {
  fileprivate func renamed(by rename: (String) -> String) -> ModelEnd {
    var end = self
    end.norm = norm?.renamed(by: rename)
    end.head = head.renamed(by: rename)
    end.tiedTable = tiedTable?.renamed(by: rename)
    return end
  }
}
