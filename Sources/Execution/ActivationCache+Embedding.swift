import Compute
package import LanguageModels
import Recordings
package import Tensors

extension ActivationCache {
  /// Fills all samples with what the first block reads, and behind it with what the stream carries. A shorter sample is
  /// filled up with its last token: padding counts nowhere, and so it is finite.
  ///
  /// - Parameters:
  ///   - samples: Token ids of each sample.
  ///   - tokens: Their number at most.
  package func embed(
    _ samples: some Sequence<[Int]>, tokens: Int, by front: ModelFront,
    from source: any TensorSource
  ) throws {
    let embedding = try TokenEmbedding(front, source: source, compute: compute)
    let carried = try CarriedEmbedding(front, tokens: tokens, source: source, device: device)
    let byteCount = tokens * front.width * compute.byteCount
    for (index, own) in samples.enumerated() {
      let ids = own + Array(repeating: own.last ?? 0, count: tokens - own.count)
      let sample = self[index]
      try embedding.write(ids, to: sample)
      try carried?.write(ids, embedded: sample, to: sample + byteCount)
    }
  }
}
