/// Which type each tensor of a model gets: the mixes of llama-quantize (llama-quant.cpp at commit 007dbbf), without `--pure`.
///
/// A k-quant of a size (`q4_k_m`) is a mix: values and the second matrices of MLPs get more bits, in some blocks or all.
package struct GGUFMix: Sendable {
  /// What of a model the types depend on.
  package struct Model: Sendable, Equatable {
    /// llama.cpp's name, `general.architecture`.
    package var architecture: String
    package var blockCount: Int
    package var headCount: Int
    package var keyValueHeadCount: Int
    /// Routed experts; 0 for none.
    package var expertCount: Int
    /// Whether a tensor `output.weight` is in the file.
    package var hasOutput: Bool

    package init(
      architecture: String, blockCount: Int, headCount: Int, keyValueHeadCount: Int,
      expertCount: Int = 0, hasOutput: Bool
    ) {
      self.architecture = architecture
      self.blockCount = blockCount
      self.headCount = headCount
      self.keyValueHeadCount = keyValueHeadCount
      self.expertCount = expertCount
      self.hasOutput = hasOutput
    }

    /// Queries that share a key.
    var queriesOfKey: Int { keyValueHeadCount > 0 ? headCount / keyValueHeadCount : 0 }

    /// What llama.cpp calls a 70B model: 80 blocks, of these architectures.
    var isSeventyBillion: Bool {
      guard blockCount == 80 else { return false }
      return architecture == "llama"
        ? headCount != keyValueHeadCount : ["qwen2", "deci", "olmo"].contains(architecture)
    }
  }

  package let fileType: GGUFFileType
  package let model: Model
  /// Whether importances of columns are known.
  package let hasImportance: Bool

  package init(_ fileType: GGUFFileType, model: Model, hasImportance: Bool = false) {
    (self.fileType, self.model, self.hasImportance) = (fileType, model, hasImportance)
  }

  /// The type of a tensor that is quantized (``GGUFTensorRole/isQuantized(_:dimensionCount:)``).
  ///
  /// - Parameters:
  ///   - columns: Elements of a row; where they are not whole blocks, a type with smaller ones is taken.
  ///   - index: Which one of all tensors of its role it is, in the order of blocks. Those that hold values count
  ///     together. For the matrices of experts it is the number of the block.
  ///   - count: How many hold values. For other roles it counts nothing.
  package func type(
    of role: GGUFTensorRole, columns: Int, index: Int = 0, count: Int = 0
  ) -> GGUFTensorType {
    let usual = fileType.usualType
    guard !usual.isPlain else { return usual }
    var type = usual
    if role == .output || (role == .embedding && !model.hasOutput) {
      if model.architecture == "falcon" || columns % usual.blockSize != 0 {
        type = .q80
      } else if usual != .q80 {
        type = .q6K
      }
    } else if role.holdsValues {
      type = valueType(index, count) ?? usual
      if model.isSeventyBillion, type == .q3K || type == .q4K { type = .q5K }
      if model.expertCount == 8 { type = .q80 }
    } else if role == .attentionKey, model.expertCount == 8 {
      type = .q80
    } else if role == .feedForwardDown {
      type = downType(index) ?? usual
    } else if role == .attentionOutput {
      type = outputProjectionType ?? usual
    }
    return Self.fitting(type, columns)
  }

  /// Whether a block is one of those that get more bits: the first and the last eighth, and every third in between.
  static func hasMoreBits(_ index: Int, of count: Int) -> Bool {
    index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2
  }

  private func valueType(_ index: Int, _ count: Int) -> GGUFTensorType? {
    let areShared = model.queriesOfKey >= 4
    switch fileType {
    case .q2K: return areShared ? .q4K : .q3K
    case .q2KS: return areShared ? .q4K : nil
    case .q3KM: return index < 2 ? .q5K : .q4K
    case .q3KL: return .q5K
    case .q4KM, .q5KM: return Self.hasMoreBits(index, of: count) ? .q6K : nil
    case .q4KS: return index < 4 ? .q5K : nil
    default: return nil
    }
  }

  private func downType(_ index: Int) -> GGUFTensorType? {
    let count = model.blockCount
    let (isFirstEighth, isFalcon) = (index < count / 8, model.architecture == "falcon")
    let isFirstSixteenth = index < count / 16
    let hasMoreBits = Self.hasMoreBits(index, of: count)
    switch fileType {
    case .q2K: return .q3K
    case .q2KS: return isFirstEighth ? .q4K : nil
    case .q3KM: return isFirstSixteenth ? .q5K : !isFalcon || hasMoreBits ? .q4K : .q3K
    case .q3KL: return isFalcon ? .q4K : .q5K
    case .q4KM where isFalcon: return isFirstSixteenth ? .q6K : hasMoreBits ? .q5K : .q4K
    case .q4KM, .q5KM: return hasMoreBits ? .q6K : nil
    case .q4KS: return isFirstEighth && !isFalcon ? .q5K : nil
    case .q40: return isFirstEighth && hasImportance ? .q41 : nil
    case .q50: return isFirstEighth && hasImportance ? .q51 : nil
    default: return nil
    }
  }

  private var outputProjectionType: GGUFTensorType? {
    if model.architecture == "falcon" { return fileType == .q3KL ? .q4K : nil }
    if model.expertCount == 8 {
      return [.q2K, .q3KS, .q3KM, .q4KS, .q4KM].contains(fileType) ? .q5K : nil
    }
    switch fileType {
    case .q2K: return .q3K
    case .q3KM: return .q4K
    case .q3KL: return .q5K
    default: return nil
    }
  }

  /// A type that rows of so many elements can have: itself, or one of blocks of 32, or f16, which llama-quantize takes for
  /// k-quants alone, and stops for others.
  static func fitting(_ type: GGUFTensorType, _ columns: Int) -> GGUFTensorType {
    guard columns % type.blockSize != 0 else { return type }
    let smaller: GGUFTensorType =
      switch type {
      case .q2K, .q3K: .q40
      case .q4K: .q50
      case .q5K: .q51
      case .q6K: .q80
      default: .f16
      }
    return columns % smaller.blockSize == 0 ? smaller : .f16
  }
}
