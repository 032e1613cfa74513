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
    name(ofTensor: tensor, ending: "weight")
  }

  /// The module whose tensor has this name; nil if what follows the module's name is something else.
  package static func name(ofTensor tensor: String, ending: String) -> String? {
    tensor.hasSuffix(".\(ending)") ? String(tensor.dropLast(ending.count + 1)) : nil
  }

  /// Whether a scheme can apply to it.
  package var isLinear: Bool { className == "Linear" }
}
