/// A module of a model, as far as schemes care.
package struct ModuleDescription: Sendable, Equatable {
  /// The full name: `model.layers.0.mlp.up_proj`.
  package let name: String
  /// The class that targets name: `Linear`, `Embedding`.
  package let className: String
  /// Of the weight: `[rows, columns]`, output features first.
  package let shape: [Int]
  /// What programs that load the model call it where that is not its name in files.
  package var loadedNames: [String] = []

  package init(name: String, className: String = "Linear", shape: [Int]) {
    self.name = name
    self.className = className
    self.shape = shape
  }

  /// The module whose weight a tensor is, by its name; nil for other tensors.
  package static func name(ofWeight tensor: String) -> String? {
    tensor.hasSuffix(".weight") ? String(tensor.dropLast(".weight".count)) : nil
  }

  /// Whether a scheme can apply to it.
  package var isLinear: Bool { className == "Linear" }
}
