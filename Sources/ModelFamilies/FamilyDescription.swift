/// What is said of a family to whoever looks for a model.
package struct FamilyDescription: Sendable {
  /// Published models of the family.
  package var models: String
  /// What is special about them, beside Llama; empty: nothing.
  package var peculiarity: String
  /// What of the family is not computed, or not read by others; empty: nothing is known.
  package var limits: String

  init(_ models: String, _ peculiarity: String = "", limits: String = "") {
    (self.models, self.peculiarity, self.limits) = (models, peculiarity, limits)
  }
}
