/// Whether a program that serves models has what a checkpoint needs.
public struct RuntimeSupport: Sendable, Equatable {
  /// The program's name.
  public var name: String
  /// Whether it loads the checkpoint.
  public var isLoading: Bool
  /// On what condition, or why not; empty where there is nothing to say.
  public var remark: String

  package init(name: String, isLoading: Bool, remark: String) {
    (self.name, self.isLoading, self.remark) = (name, isLoading, remark)
  }
}

/// The programs that people serve such checkpoints with.
enum Runtime: String, CaseIterable {
  case transformers, vLLM
}

extension QuantizationDescription {
  /// Whether the programs load the checkpoint.
  ///
  /// - Parameter refusals: Why a program does not load it, as far as the contracts found.
  func runtimes(refusals: [Runtime: [String]]) -> [RuntimeSupport] {
    Runtime.allCases.map { runtime in
      let facts = schemes.compactMap { RuntimeFact.first(of: runtime, about: $0) }
      let missing = facts.filter { !$0.isLoading }.map(\.remark) + (refusals[runtime] ?? [])
      let conditions = facts.map(\.remark).filter { !$0.isEmpty }
      return RuntimeSupport(
        name: runtime.rawValue, isLoading: missing.isEmpty,
        remark: Self.text(missing.isEmpty ? conditions : missing))
    }
  }

  /// A few different remarks.
  private static func text(_ remarks: [String]) -> String {
    var seen: Set<String> = []
    let different = remarks.filter { seen.insert($0).inserted }
    return different.prefix(3).joined(separator: "; ")
      + (different.count > 3 ? "; and \(different.count - 3) more reasons" : "")
  }
}
