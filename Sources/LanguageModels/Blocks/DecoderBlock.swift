package import Recordings

/// The structure of a decoder block. Blocks that are equal run as the same program.
///
/// A block says what it computes, and nothing else: what it is asked for besides, such as its layers, is found by
/// recording it.
package protocol DecoderBlock: Hashable, Sendable {
  /// Columns of the block's input.
  var width: Int { get }
  /// Records the block's layers and operations on `x`, `[rows, width]`; returns the output.
  func record(_ x: Value, in recorder: inout BlockRecorder) -> Value
}

extension DecoderBlock {
  /// The linear layers, in the order of the forward pass.
  package var linearLayers: [LayerSlot] { recording.layers.map(\.slot) }

  /// The names of the linear layers in groups that read the same values, in the order of ``linearLayers``.
  package var layersOfOneInput: [[String]] {
    var groups: [(input: Value, layers: [String])] = []
    for (slot, input) in recording.layers {
      if let index = groups.firstIndex(where: { $0.input == input }) {
        groups[index].layers.append(slot.name)
      } else {
        groups.append((input, [slot.name]))
      }
    }
    return groups.map(\.layers)
  }

  /// The same, but of experts those of each by themselves: layers that runtimes hold as one matrix.
  package var layersOfOneMatrix: [[String]] {
    let experts = recording.experts
    return layersOfOneInput.flatMap { layers in
      Dictionary(grouping: layers) { experts[$0] ?? -1 }
        .sorted { $0.key < $1.key }.map(\.value)
    }
  }

  /// The numbers of the experts that linear layers belong to, by the layers' names; of other layers there is none.
  package var expertsOfLayers: [String: Int] { recording.experts }

  /// The modules inside the block that have keys and values, `self_attn`.
  package var attentionModules: [String] { recording.attentionModules }

  /// The experts of the block, by themselves and with all rows for each.
  package var allExperts: [AllExperts] {
    let recorder = recording
    return recorder.mixtures.map {
      AllExperts($0.experts, width: recorder.operations.columns(of: $0.input))
    }
  }

  /// The tensors that the block reads.
  package var parts: [BlockRecorder.Part] { recording.parts }

  /// The block as it is recorded for one token.
  private var recording: BlockRecorder {
    var recorder = BlockRecorder(
      ProgramRecorder(batch: 1, tokens: 1, compute: .float32), activations: ActivationPlan())
    let input = recorder.operations.input(columns: width)
    _ = record(input, in: &recorder)
    return recorder
  }
}
