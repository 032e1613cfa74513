import Checkpoints
import Diagnostics
import Quantization
import QuantizedCheckpoints
import Tensors

/// The experts of a model, as the stacks that they become.
struct ExpertStacks {
  /// A layer of an expert.
  private struct Member {
    let layer: String
    let shape: [Int]
    let dtype: DType
    let index: Int
    let weights: QuantizationArguments?
  }

  /// By the names of the stacks of their weights.
  private var stacks: [String: [Member]] = [:]
  /// A tensor that holds experts in another way.
  private var other: String?

  /// - Parameters:
  ///   - tensors: In full precision, of which each quantized layer has one of its own.
  ///   - schemes: By layer.
  init(_ tensors: [TensorInfo], _ schemes: [String: QuantizationScheme]) {
    for info in tensors {
      let place = ExpertNames.place(of: info.name)
      guard let index = place.index else {
        if info.shape.count == 3, info.name.contains(".experts.") { other = other ?? info.name }
        continue
      }
      let layer = ModuleDescription.name(ofWeight: info.name)
      stacks[place.tensor, default: []].append(
        Member(
          layer: layer ?? info.name, shape: info.shape, dtype: info.dtype, index: index,
          weights: layer.flatMap { schemes[$0]?.weights }))
    }
  }

  /// Refuses experts of which one is stored in another way than the others of its stack.
  func requireAlike() throws(InputError) {
    if let other {
      throw InputError(
        .unsupported, place: "tensor \(quoted(other))",
        "holds experts that stay as they are; mlx has a stack of its own for each of their layers")
    }
    for (name, members) in stacks.sorted(by: { $0.key < $1.key }) {
      let first = members[0]
      for member in members {
        guard member.shape == first.shape, member.dtype == first.dtype,
          member.weights?.bitCount == first.weights?.bitCount,
          member.weights?.groupSize == first.weights?.groupSize
        else {
          throw InputError(
            .unsupported, place: member.layer,
            "found \(Self.text(member)), expected \(Self.text(first)) as \(first.layer) has: they are one stack in mlx"
          )
        }
      }
      guard Set(members.map(\.index)) == Set(0..<members.count) else {
        throw InputError(
          .unsupported, place: name, "\(members.count) experts are not numbered from 0 on")
      }
    }
  }

  private static func text(_ member: Member) -> String {
    (member.weights?.text ?? member.dtype.rawValue) + " \(member.shape)"
  }
}
