import CPU
import Compute
import Recordings
import Testing

struct GradientPrecisionTests {
  @Test func smallBlocksOnTilesHaveGradientsInFull() {
    func automatic(_ compute: ComputeType, _ hiddenSize: Int, tiles: Bool) -> GradientPrecision {
      .automatic(for: compute, hiddenSize: hiddenSize, hasTiles: tiles)
    }
    #expect(automatic(.bfloat16, 256, tiles: true) == .full)
    #expect(automatic(.bfloat16, 1024, tiles: true) == .int8)
    #expect(automatic(.bfloat16, 256, tiles: false) == .int8)
    #expect(automatic(.bfloat16, 1024, tiles: false) == .int8)
    #expect(automatic(.float32, 4096, tiles: true) == .full)
    #expect(automatic(.float32, 256, tiles: false) == .full)
  }
}
