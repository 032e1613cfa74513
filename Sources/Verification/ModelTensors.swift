import Diagnostics
import LanguageModels
import Tensors

/// The tensors that a model has besides its quantized layers: those that its class in transformers asks
/// for, in the right shapes, and all of numbers.
struct ModelTensors {
  /// What the configuration describes; nil for a family that is not known, of whose tensors only the numbers are
  /// checked.
  let model: ModelDescription?
  let tensors: [String: StoredTensor]
  /// Rows and columns of every linear layer, quantized or not.
  let layers: [String: [Int]]
  /// The names of those that are.
  let quantized: Set<String>
  /// Nil for a configuration that has no targets.
  let description: QuantizationDescription?

  func run(_ report: inout VerificationReport) {
    for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
      let suffix = String(name.split(separator: ".").last ?? "")
      if !Self.checkedElsewhere.contains(suffix), let index = tensor.firstNonFinite {
        report.add(.damage, name, "element \(index) is infinite or not a number")
      }
    }
    guard let model, model.blocks.count <= 1 << 12 else { return }
    for part in model.front.parts {
      check(part.stored.tensor, part.stored, part.shape, in: "", &report)
    }
    for part in model.end.parts where !model.end.isTied || part.stored != model.end.head.weight {
      check(part.name, part.stored, part.shape, in: "", &report)
    }
    for (name, parts) in model.ofBlocks(\.parts) {
      for part in parts { check(part.name, part.stored, part.shape, in: name, &report) }
    }
    let uncounted = quantized.filter {
      blockNumber(of: $0).map { $0 >= model.blocks.count } ?? false
    }
    if let first = uncounted.min() {
      report.add(
        .contract, first,
        "is quantized, in a block that config.json does not count (num_hidden_layers is "
          + "\(model.blocks.count))" + LoadContracts.others(uncounted.count - 1))
    }
    // A head that is the embedding has no tensors, and is a linear layer for runtimes all the same.
    if layers["lm_head"] == nil, let scheme = description?.scheme(of: "lm_head") {
      report.add(
        .contract, "lm_head",
        "has no weight of its own, but a target of \(quoted(scheme.group)) matches it and ignore does "
          + "not", refusedBy: Runtime.allCases)
    }
  }

  /// Checks that a tensor of the model is there in its shape, or a quantized layer or a tensor of its own in its place.
  ///
  /// - Parameter part: What it is called where it is a tensor of its own.
  private func check(
    _ part: String, _ stored: StoredMatrix, _ shape: [Int], in block: String,
    _ report: inout VerificationReport
  ) {
    let own = StoredMatrix.fullName(part, in: block)
    let module = own.hasSuffix(".weight") ? String(own.dropLast(".weight".count)) : own
    let isApart = quantized.contains(module) || part != stored.tensor && tensors[own] != nil
    let name = isApart ? own : StoredMatrix.fullName(stored.tensor, in: block)
    let place = shape.count == 2 && !block.isEmpty && name == own ? module : name
    let expected = isApart ? shape : stored.tensorShape(of: shape)
    guard let found = quantized.contains(module) ? layers[module] : tensors[name]?.shape else {
      return report.add(.damage, place, "is missing")
    }
    if found != expected {
      report.add(.damage, place, "has shape \(found), expected \(expected) from config.json")
    }
  }

  /// The ends of the names of floats that ``LayerCheck`` and ``ActivationScaleCheck`` look at.
  private static let checkedElsewhere = [
    "weight_scale", "weight_global_scale", "input_scale", "input_global_scale", "k_scale",
    "v_scale", "scales", "biases",
  ]
}

extension StoredTensor {
  /// The first element that is infinite or NaN; nil if there is none, or the type has none.
  fileprivate var firstNonFinite: Int? {
    func first<Word: FixedWidthInteger & SendableMetatype & Sendable>(
      _ type: Word.Type, exponent: Word
    ) -> Int? {
      stretch.first(wordByteCount: MemoryLayout<Word>.size) {
        $0.firstWord(type) { $0 & exponent == exponent }
      }
    }
    switch dtype {
    case "F64": return first(UInt64.self, exponent: 0x7FF0_0000_0000_0000)
    case "F32": return first(UInt32.self, exponent: 0x7F80_0000)
    case "BF16": return first(UInt16.self, exponent: 0x7F80)
    case "F16": return first(UInt16.self, exponent: 0x7C00)
    default: return nil
    }
  }
}
