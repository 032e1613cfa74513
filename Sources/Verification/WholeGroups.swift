import Diagnostics

/// Whether groups divide the inputs of their layers.
///
/// The last group of a row may be smaller; transformers and this program read such groups, vLLM does not.
struct WholeGroups {
  /// Every linear layer with its rows and columns and, if it is quantized, its scheme.
  let layers: [String: (shape: [Int], scheme: LayerScheme?)]

  func run(_ report: inout VerificationReport) {
    var partial: [Int: [(name: String, inputs: Int, isInteger: Bool)]] = [:]
    for (name, layer) in layers {
      guard let scheme = layer.scheme, let size = scheme.groupSize, size > 0,
        scheme.strategy.hasSuffix("group"), layer.shape[1] % size != 0
      else { continue }
      partial[size, default: []].append((name, layer.shape[1], scheme.type == "int"))
    }
    for (size, found) in partial.sorted(by: { $0.key < $1.key }) {
      guard let first = found.min(by: { $0.name < $1.name }) else { continue }
      let count = found.count == 1 ? "1 layer" : "\(found.count) layers"
      let remedy =
        found.allSatisfy(\.isInteger) ? Self.remedy(size, inputs: Set(found.map(\.inputs))) : ""
      let problem = "groups of \(size) do not divide the inputs of \(count)"
      report.add(
        .contract, first.name,
        "\(problem), here \(first.inputs); vLLM needs whole groups\(remedy)", refusedBy: [.vLLM],
        problem)
      report.partialGroups += report.findings.suffix(1)
    }
  }

  /// What helps: the largest groups that vLLM's fast kernels have and that divide.
  private static func remedy(_ size: Int, inputs: Set<Int>) -> String {
    let fitting = [128, 64, 32].first { smaller in
      smaller < size && inputs.allSatisfy { $0 % smaller == 0 }
    }
    return fitting.map { "; \(OptionName.groupSize.with($0)) divides them" }
      ?? "; a recipe can leave such layers out (ignore), or give them a scale for each row"
  }
}
