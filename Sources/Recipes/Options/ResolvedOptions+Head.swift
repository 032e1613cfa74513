package import Diagnostics
package import Quantization

extension ResolvedOptions {
  /// What is to be said of a head that stays as it is although a target matches it.
  ///
  /// - Returns: Nil where all such targets are classes: who names `Linear` does not ask for the head.
  package func remark(onKeptHead head: ModuleDescription, isTied: Bool) throws(InputError)
    -> String?
  {
    var isNamed = false
    for group in groups {
      for target in group.scheme.targets {
        let kind = try ModuleMatcher(target).match(head)
        isNamed = isNamed || kind == .name || kind == .pattern
      }
    }
    guard isNamed else { return nil }
    return isTied
      ? "\(head.name) is the embedding (tied) and stays as it is"
      : "\(head.name) stays as it is; ask for it with \(OptionName.head.with("quantize")), or "
        + "quant_lm_head in a recipe"
  }
}
