/// A module of a model, as far as schemes care.
package struct ModuleDescription: Sendable, Equatable {
  /// The full name: `model.layers.0.mlp.up_proj`.
  package let name: String
  /// The class that targets name: `Linear`, `Embedding`.
  package let className: String
  /// Of the weight: `[rows, columns]`, output features first.
  package let shape: [Int]

  package init(name: String, className: String = "Linear", shape: [Int]) {
    self.name = name
    self.className = className
    self.shape = shape
  }

  /// Whether a scheme can apply to it.
  package var isLinear: Bool { className == "Linear" }
}
